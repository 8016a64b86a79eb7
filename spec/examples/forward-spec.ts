/** examples/forward.ts: what it does when another try would not help. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildExamples, type Examples } from '../support/examples.ts';

describe('The example of a forwarded port', () => {
  let examples: Examples;
  beforeAll(async () => {
    examples = await buildExamples('forward');
  });
  afterAll(() => examples.remove());

  it('says why it cannot begin, and ends', async () => {
    const { ended } = examples.start('forward', ['-bastion', '0', '127.0.0.1']);
    expect(await ended).toMatchObject({ status: 1, stderr: expect.stringContaining('bastion') });
  }, 10_000);

  it('tries again when there might be somebody later, and says so', async () => {
    const { child, ended } = examples.start('forward', ['127.0.0.1:1', '0', '127.0.0.1']);
    child.stderr?.once('data', () => child.kill());
    expect((await ended).stderr).toMatch(/ECONNREFUSED.*; again in 5 s\n$/);
  }, 10_000);
});
