/** The lease protocol, every order of events of it, in a world small enough to try them all. */
import { describe, expect, it } from 'vitest';
import { allRules, fault, firstWorld, type Rules, steps, type World } from './model.ts';

interface Explored {
  readonly worlds: number;
  /** What was done before something went wrong, and what that is. */
  readonly wrong: readonly string[] | undefined;
  /** Worlds from which nobody can come to serve any more. */
  readonly stuck: number;
}

/** More are not tried: a change to the model that makes it endless is to be seen, and not waited for. */
const MOST = 400_000;

/** Breadth first, so that what goes wrong is told by the fewest steps. */
function explore(instances: number, letters: number, rules: Rules, looking = /./): Explored {
  const first = firstWorld(instances);
  const keys = new Map([[keyOf(first), 0]]);
  const open: (World | undefined)[] = [first];
  const cameFrom: { readonly from: number; readonly by: string }[] = [{ from: -1, by: '' }];
  const before: number[][] = [[]];
  const serving: number[] = [];
  for (let at = 0; at < open.length; at += 1) {
    const current = open[at] as World;
    open[at] = undefined;
    if (isServed(current, letters)) serving.push(at);
    for (const [what, world] of steps(current, rules, letters)) {
      const key = keyOf(world);
      let index = keys.get(key);
      if (index === undefined) {
        index = open.length;
        if (index === MOST) throw new Error(`more than ${MOST} worlds`);
        keys.set(key, index);
        open.push(world);
        cameFrom.push({ from: at, by: what });
        before.push([]);
        const found = fault(world, rules);
        if (found !== undefined && looking.test(found))
          return { worlds: index, wrong: [...path(cameFrom, index), found], stuck: 0 };
      }
      before[index]?.push(at);
    }
  }
  return { worlds: open.length, wrong: undefined, stuck: open.length - reaching(serving, before) };
}

function keyOf({ instances, lease, files, covered, kept, dayPassed, underway, told, letters }: World): string {
  // Who is called what does not matter.
  const each = instances.map((one) => Object.values(one).join()).sort();
  return [...each, ...Object.values(lease), files, covered, kept, dayPassed, underway, told, letters].join(';');
}

function path(cameFrom: readonly { readonly from: number; readonly by: string }[], index: number): readonly string[] {
  const steps: string[] = [];
  for (let at = index; at > 0; at = cameFrom[at]?.from ?? 0) steps.unshift(cameFrom[at]?.by ?? '');
  return steps;
}

/** Somebody serves on a valid lease; or there is no letter left to do it with. */
function isServed(world: World, letters: number): boolean {
  return world.letters >= letters || world.instances.some((one) => one.phase === 'serving' && one.holds && one.valid);
}

/** How many worlds have a way to one of these. */
function reaching(ends: readonly number[], before: readonly (readonly number[])[]): number {
  const found = new Set(ends);
  const open = [...ends];
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    for (const earlier of before[index] ?? []) {
      if (found.has(earlier)) continue;
      found.add(earlier);
      open.push(earlier);
    }
  }
  return found.size;
}

describe('in every order of events', () => {
  it.each([
    [2, 3],
    [3, 2],
  ])(
    '%i instances with %i TXIDs keep one history, lose nothing acknowledged, and can always go on',
    {
      timeout: 180_000,
    },
    (instances, letters) => {
      const { worlds, wrong, stuck } = explore(instances, letters, allRules);
      console.log(`${instances} instances, ${letters} TXIDs: ${worlds} worlds`);
      expect(wrong).toBeUndefined();
      expect(stuck).toBe(0);
      expect(worlds).toBeGreaterThan(10_000);
    },
  );
});

describe('each rule is needed', () => {
  it('without the claim, who holds the lease and serves can be overtaken by an upload that was under way', () => {
    const { wrong } = explore(2, 3, { ...allRules, claim: false });
    expect(wrong?.at(-1)).toBe('who holds the lease and serves was overtaken');
  });

  it('without the gate, a zombie writes where its next name has become free, and is told that it is safe', () => {
    const { wrong } = explore(2, 3, { ...allRules, gate: false }, /acknowledged/);
    expect(wrong?.at(-1)).toMatch(/was acknowledged, and .* is restored/);
  });

  it('without the day that files stay, a late upload ends up in a point in time of another history', () => {
    const { wrong } = explore(2, 3, { ...allRules, keepADay: false });
    expect(wrong?.at(-1)).toBe('a point in time is of another history');
  });
});
