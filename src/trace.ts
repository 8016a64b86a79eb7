/** What a connection can tell about itself while it works; nobody listening costs nothing. */

/** One event of the trace. Payloads and secrets are never part of it. */
export type TraceEvent =
  | {
      readonly type: 'packet';
      readonly direction: 'in' | 'out';
      readonly sequenceNumber: number;
      /** The RFC's name of the message without `SSH_MSG_`, or its number when it has none here. */
      readonly message: string;
      readonly bytes: number;
    }
  | { readonly type: 'identification'; readonly line: string }
  | { readonly type: 'key-exchange'; readonly state: string }
  | { readonly type: 'auth'; readonly method: string; readonly outcome: string }
  /** What became of the host keys that the server told of. */
  | { readonly type: 'host-keys'; readonly outcome: string }
  | { readonly type: 'debug'; readonly message: string; readonly alwaysDisplay: boolean };

/** Receives trace events; `undefined` where nobody listens. */
export type Tracer = (event: TraceEvent) => void;

/** Tells of a packet, where somebody listens. */
export function tracePacket(
  trace: Tracer | undefined,
  direction: 'in' | 'out',
  sequenceNumber: number,
  message: string,
  bytes: number,
): void {
  trace?.({ type: 'packet', direction, sequenceNumber, message, bytes });
}
