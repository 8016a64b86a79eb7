/**
 * The stages of the pipeline and the operators of credit, each usable alone: for a sniffer, a replay, a test, a protocol of
 * your own.
 *
 * @packageDocumentation
 */
export { batch } from './batch.ts';
export { coalesce } from './coalesce.ts';
export { deliver, holdCredit, isDelivering, outsideDelivery, type Release } from './credit.ts';
export { decode, type InboundMessage } from './decode.ts';
export { decrypt, type DecryptedPacket } from './decrypt.ts';
export { drain } from './drain.ts';
export { encode } from './encode.ts';
export { frame, type SealedPacket } from './frame.ts';
export { fromPull } from './from-pull.ts';
export { hold } from './hold.ts';
export { identify } from './identify.ts';
export { lift, type Stage } from './lift.ts';
export { LineSplitter } from './line-splitter.ts';
export { nest } from './nest.ts';
export { pad } from './pad.ts';
export { RunQueue } from './run-queue.ts';
export { type Reserve, seal } from './seal.ts';
export { splitLines, type SplitLinesOptions } from './split-lines.ts';
export { toAsyncIterable } from './to-async-iterable.ts';
export { type ByteInput, toByteStream } from './to-byte-stream.ts';
export { toWebStream } from './to-web-stream.ts';
export { type InboundPayload, unpad } from './unpad.ts';
export { verifyCiphertext, verifyPlaintext } from './verify.ts';
