import { setTimeout as pause } from 'node:timers/promises';
import { engine, engineOutput, type Outcome } from './container-engine.ts';

/** Long enough for a slow machine; only a hang lasts that long. */
const PATIENCE = 30_000;

export interface Container extends AsyncDisposable {
  logs(): Promise<string>;
  /** Waits until the log holds this. Fails if the container ends before. */
  waitFor(what: RegExp): Promise<RegExpExecArray>;
  exec(...words: readonly string[]): Promise<Outcome>;
  /** `podman stop -t 10`: SIGTERM, and SIGKILL ten seconds later. The container's exit status. */
  stop(): Promise<number>;
  kill(signal: string): Promise<void>;
  /** The exit status, once it has ended. */
  ended(): Promise<number>;
}

/** A container in the background, gone after the test. `options`: podman's own, before the image. */
export async function startContainer(
  image: string,
  options: readonly string[] = [],
  command: readonly string[] = [],
): Promise<Container> {
  const started = await engine('podman', ['run', '--detach', '--pull=never', ...options, image, ...command]);
  if (started.code !== 0) throw new Error(`podman run: ${started.stderr}`);
  const id = started.stdout.trim();
  const logs = async () => {
    const { stdout, stderr } = await engine('podman', ['logs', id]);
    return stdout + stderr;
  };
  const isRunning = async () => (await state(id, '{{.State.Running}}')) === 'true';
  const ended = async () => Number(await engineOutput('podman', ['wait', id]));
  return {
    logs,
    ended,
    waitFor: async (what) => {
      const giveUp = Date.now() + PATIENCE;
      for (;;) {
        const running = await isRunning();
        const found = what.exec(await logs());
        if (found !== null) return found;
        if (!running || Date.now() > giveUp) {
          throw new Error(`${running ? 'waited in vain' : 'the container ended'}; no ${what} in:\n${await logs()}`);
        }
        await pause(50);
      }
    },
    exec: (...words) => engine('podman', ['exec', id, ...words]),
    stop: async () => {
      await engineOutput('podman', ['stop', '--time', '10', id]);
      return ended();
    },
    kill: async (signal) => void (await engineOutput('podman', ['kill', '--signal', signal, id])),
    [Symbol.asyncDispose]: async () => void (await engine('podman', ['rm', '--force', '--time', '0', id])),
  };
}

async function state(id: string, format: string): Promise<string> {
  return (await engineOutput('podman', ['inspect', '--format', format, id])).trim();
}

/** A container to its end, in the foreground: its own stdout, stderr and exit status. */
export function runContainer(
  image: string,
  options: readonly string[] = [],
  command: readonly string[] = [],
): Promise<Outcome> {
  return engine('podman', ['run', '--rm', '--pull=never', ...options, image, ...command]);
}

export interface Volume extends AsyncDisposable {
  readonly name: string;
  remove(): Promise<void>;
}

/** A named volume, as Compose makes them. */
export async function createVolume(): Promise<Volume> {
  const name = (await engineOutput('podman', ['volume', 'create'])).trim();
  const remove = async () => void (await engineOutput('podman', ['volume', 'rm', '--force', name]));
  return { name, remove, [Symbol.asyncDispose]: remove };
}
