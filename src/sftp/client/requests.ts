/** One request and its answer, as cold Observables. */
import { Observable, type Subscriber } from 'rxjs';
import { protocolError, SshError } from '../../errors.ts';
import type { StructOf, Fields } from '../../wire/fields.ts';
import type { Extension } from '../extensions.ts';
import type { Path } from '../file-name.ts';
import { encodePacket, type PacketOf, type ReplyPacket, type SftpPacket } from '../packets.ts';
import type { ClientSession } from './client-session.ts';
import { StatusCode, statusError } from '../status.ts';

/** What is asked for, as errors tell it. */
export interface Operation {
  /** `open`, `rename`, … */
  readonly name: string;
  /** What it is asked for, where there is a path. */
  readonly path?: Path;
  /** Where in the file, of a read or a write. */
  readonly position?: number;
}

/** Packets that answer a request when nothing goes wrong. */
export type AnswerType = Exclude<ReplyPacket['type'], 'VERSION' | 'STATUS'>;

/** The error of a STATUS. Throws `protocol` for one that is none, where an answer was due. */
export function refusal({ name, path, position }: Operation, reply: ReplyPacket): SshError<'sftp'> {
  if (reply.type !== 'STATUS' || reply.code === StatusCode.OK)
    throw protocolError(`${reply.type} is no answer to ${name}`);
  return statusError(reply.code, name, { path, position, message: reply.message });
}

/** Is it a STATUS of this code? */
export function isStatus(reply: ReplyPacket, code: number): reply is PacketOf<'STATUS'> {
  return reply.type === 'STATUS' && reply.code === code;
}

/**
 * Sends a request and emits its answer. Cold. Errors with `sftp` when the server refuses, `timeout`, `released`, or what ended
 * the session. Unsubscribing lets the answer come to nobody.
 *
 * @param expects - the packet that answers; another one ends the session
 * @param late - is given an answer that nobody waits for any more
 */
export function ask<T extends AnswerType>(
  session: ClientSession,
  operation: Operation,
  expects: T,
  packet: (id: number) => SftpPacket,
  late: (reply: PacketOf<T>) => void = nothing,
): Observable<PacketOf<T>> {
  return request(session, packet, (reply, out) => {
    if (reply.type !== expects) fail(out, refusal(operation, reply));
    else if (out.closed) late(reply as PacketOf<T>);
    else {
      out.next(reply as PacketOf<T>);
      out.complete();
    }
  });
}

/** Sends a request that is answered by STATUS alone: emits nothing and completes when it is OK; errors like {@link ask}. */
export function command(
  session: ClientSession,
  operation: Operation,
  packet: (id: number) => SftpPacket,
): Observable<never> {
  return request(session, packet, (reply, out) => {
    if (!isStatus(reply, StatusCode.OK)) fail(out, refusal(operation, reply));
    else out.complete();
  });
}

/** Sends a request; an answer comes also when nobody is subscribed any more. */
function request<T>(
  session: ClientSession,
  packet: (id: number) => SftpPacket,
  answered: (reply: ReplyPacket, out: Subscriber<T>) => void,
): Observable<T> {
  return new Observable((out) => {
    const pending = {
      answer: (reply: ReplyPacket) => answered(reply, out),
      fail: (error: SshError) => fail(out, error),
    };
    session.send(pending, (id) => encodePacket(packet(id)));
  });
}

function fail(out: Subscriber<unknown>, error: SshError): void {
  if (!out.closed) out.error(error);
}

/** The packet of an extended request. Throws `unsupported` when the server does not have the extension. */
export function extended<Q extends Fields>(
  session: ClientSession,
  extension: Extension<Q>,
  request: StructOf<Q>,
): (id: number) => PacketOf<'EXTENDED'> {
  if (!session.supports(extension)) throw unsupported(extension.name);
  const data = extension.request.encode(request);
  return (id) => ({ type: 'EXTENDED', id, request: extension.name, data });
}

/** The error of something that the server does not have. */
export function unsupported(feature: string): SshError<'unsupported'> {
  return new SshError('unsupported', `the server does not have ${feature}`, { feature });
}

function nothing(): void {
  // most answers may be forgotten
}
