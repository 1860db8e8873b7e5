/** What stands in a line where a secret was. */
const placeholder = '[redacted]';
/** A shorter value protects nothing, and replacing it everywhere would make the lines unreadable. */
const shortestSecret = 4;

/** The text with every secret replaced, also where it stands in its percent-encoded form, as in a URL. */
export function redact(text: string, secrets: Iterable<string>): string {
  const forms = [...secrets]
    .filter((secret) => secret.length >= shortestSecret)
    .flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed())])
    // The longest first: a secret that contains another must not leave its other half behind.
    .sort((a, b) => b.length - a.length);
  let result = text;
  for (const form of forms) result = result.replaceAll(form, placeholder);
  return result;
}
