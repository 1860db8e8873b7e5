import packageJson from '../../package.json' with { type: 'json' };

export const version: string = packageJson.version;

/** The line that `version` prints. */
export function versionText(): string {
  return `${packageJson.name} ${version} (Node.js ${process.version})\n`;
}
