import { describe, expect, it } from 'vitest';
import { Scope } from './scope.js';

describe('a scope', () => {
  it('aborts its signal first, then undoes last-in-first-out, one after the other', async () => {
    const scope = new Scope('s');
    const order: string[] = [];
    scope.signal.addEventListener('abort', () => order.push('signal'));
    scope.defer(() => order.push('first'));
    scope.defer(async () => {
      await Promise.resolve();
      order.push('second');
    });
    scope.own({ [Symbol.dispose]: () => void order.push('disposed') });
    scope.own({ [Symbol.asyncDispose]: async () => void order.push('disposed later') });
    await Promise.all([scope.close(), scope.close()]);
    expect(order).toEqual(['signal', 'disposed later', 'disposed', 'second', 'first']);
    expect(scope.closed).toBe(true);
  });

  it('undoes everything even if some fail, and says what failed', async () => {
    const one = new Scope('s');
    const undone: string[] = [];
    one.defer(() => undone.push('a'));
    one.defer(() => { throw new Error('no'); });
    await expect(one.close()).rejects.toThrow(/^no$/);
    expect(undone).toEqual(['a']);
    const two = new Scope('t');
    two.defer(() => Promise.reject(new Error('x')));
    two.defer(() => Promise.reject(new Error('y')));
    await expect(two.close()).rejects.toThrow('Closing scope "t" failed in 2 places: y | x');
  });

  it('what comes too late is undone at once, and whoever closes again waits for it', async () => {
    const scope = new Scope('s');
    await scope.close();
    let undone = false;
    expect(() => scope.defer(async () => {
      await Promise.resolve();
      undone = true;
    })).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await scope.close();
    expect(undone).toBe(true);
    expect(() => scope.defer(() => { throw new Error('late'); })).toThrow(/closed/);
    await expect(scope.close()).rejects.toThrow('late');
  });

  it('closes its children, but for those that closed before', async () => {
    const parent = new Scope('p');
    const order: string[] = [];
    const [early, late] = [parent.child('early'), parent.child('late')];
    early.defer(() => order.push('early'));
    late.defer(() => order.push(late.name));
    await early.close();
    await parent.close();
    expect(order).toEqual(['early', 'p/late']);
  });
});
