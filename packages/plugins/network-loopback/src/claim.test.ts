import { describe, expect, it } from 'vitest';
import { claimBlock } from './claim.js';
import { parseBlock, sixteensOf } from './ranges.js';

describe('claims', () => {
  it('keep two orchestrators apart, and can be had again once given up', async () => {
    const first = await claimBlock(undefined);
    const second = await claimBlock(undefined);
    try {
      expect(first.block.cidr).not.toBe(second.block.cidr);
      const inside = first.block.cidr.replace('.0.0/16', '.7.0/24');
      await expect(claimBlock(inside)).rejects.toMatchObject({ code: 'EXHAUSTED' });
      await first.close();
      const third = await claimBlock(inside);
      expect(third.block.cidr).toBe(inside);
      await third.close();
    } finally {
      await Promise.all([first.close(), first.close(), second.close()]);
    }
  });

  it('need Linux', async () => {
    await expect(claimBlock(undefined, 'darwin')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('read blocks of the loopback network alone', () => {
    expect(parseBlock('127.200.7.9/16')).toMatchObject({ cidr: '127.200.0.0/16', size: 65_536 });
    expect(sixteensOf(parseBlock('127.192.0.0/14'))).toEqual([192, 193, 194, 195]);
    for (const text of ['10.0.0.0/16', '127.0.0.0/8', '127.1.0.0/29', '127.1.0.0', '127.1.0.0/x', '127.1.0.256/16', '::1/64']) {
      expect(() => parseBlock(text), text).toThrow(expect.objectContaining({ code: 'INVALID' }) as Error);
    }
  });
});
