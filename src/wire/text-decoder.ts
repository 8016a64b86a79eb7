import { SshError } from '../errors.ts';

/** The class is a global value; its type has no name everywhere. */
export type Decoder = InstanceType<typeof TextDecoder>;

const UTF8 = 'utf-8';

/**
 * Decodes text; malformed bytes become U+FFFD. A byte order mark of UTF-8 is kept, for it is a character like any other; of the other
 * encodings it is taken off. Throws `config` for a label that is none.
 *
 * @param label - of the Encoding Standard: `utf-8`, `latin1` (which means windows-1252), `utf-16le`, `shift_jis`, …
 */
export function textDecoder(label: string = UTF8): Decoder {
  try {
    const { encoding } = new TextDecoder(label);
    return new TextDecoder(encoding, { ignoreBOM: encoding === UTF8 });
  } catch (cause) {
    const message = `no encoding is called ${JSON.stringify(label.slice(0, 64))}`;
    throw new SshError('config', message, { option: 'encoding' }, { cause });
  }
}
