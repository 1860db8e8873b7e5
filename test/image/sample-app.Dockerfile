# A program of one's own on target `base`, in the folder where most people put theirs.
FROM station-entrypoint
WORKDIR /app
COPY . .
ENV DATABASE=/data/station.db
CMD ["node", "main.ts"]
