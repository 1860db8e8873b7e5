/** An error answer of Google Cloud Storage: thrown by whatever finds the reason, written by the server. */
export class GcsRefusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, reason: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.headers = headers;
  }

  get body(): string {
    const errors = [{ message: this.message, domain: 'global', reason: this.reason }];
    return JSON.stringify({ error: { code: this.status, message: this.message, errors } });
  }
}

export const noSuchBucket = () => new GcsRefusal(404, 'notFound', 'The specified bucket does not exist.');
export const noSuchObject = (name: string) => new GcsRefusal(404, 'notFound', `No such object: ${name}`);
export const conditionNotMet = () =>
  new GcsRefusal(412, 'conditionNotMet', 'At least one of the pre-conditions you specified did not hold.');
export const invalid = (message: string) => new GcsRefusal(400, 'invalid', message);
