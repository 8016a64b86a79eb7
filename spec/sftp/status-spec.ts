import { describe, expect, it } from '@jest/globals';
import { isSshError } from '../../src/errors.ts';
import { StatusCode, statusError, statusName, statusText } from '../../src/sftp/status.ts';

describe('a status', () => {
  it('has a name and a text', () => {
    expect(statusName(2)).toBe('NO_SUCH_FILE');
    expect(statusText(2)).toBe('No such file');
    expect(statusName(31)).toBe('31');
    expect(statusText(31)).toBe('Status 31');
  });

  it('is an error that says what was asked for', () => {
    const error = statusError(StatusCode.PERMISSION_DENIED, 'open', { path: '/etc/shadow' });
    expect(error.message).toBe('open /etc/shadow: Permission denied');
    expect(error.detail).toEqual({
      ...{ status: 3, name: 'PERMISSION_DENIED', operation: 'open', path: '/etc/shadow' },
    });
    expect(isSshError(error, 'sftp')).toBe(true);
    expect(error.transient).toBe(false);
  });

  it('says what the server said, made safe to show', () => {
    const error = statusError(StatusCode.FAILURE, 'close', { message: 'disk\u001b[2J full' });
    expect(error.message).toBe('close: disk\\x1b[2J full');
    expect(error.detail).not.toHaveProperty('path');
  });

  it('shows a path of bytes as text', () => {
    const { message, detail } = statusError(2, 'stat', { path: Uint8Array.of(0x61, 0xff, 0x0a) });
    expect(message).toBe('stat a\ufffd\\x0a: No such file');
    expect(detail.path).toBe('a\ufffd\n');
  });
});
