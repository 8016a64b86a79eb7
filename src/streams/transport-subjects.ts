/** What a transport tells, until it ends. */
import { ReplaySubject, Subject } from 'rxjs';
import type { SshError } from '../errors.ts';
import { outsideDelivery } from '../operators/credit.ts';
import type { InboundMessage } from '../operators/decode.ts';

/* eslint-disable rxjs-x/no-exposed-subjects -- the transport keeps the whole object private */
/** The sending ends of a transport's Observables. */
export class TransportSubjects {
  readonly upper = new Subject<InboundMessage>();
  readonly service = new Subject<string>();
  readonly rekeyed = new Subject<void>();
  readonly closed = new ReplaySubject<SshError>(1);

  /** Nothing more is told but how it ended. */
  end(error: SshError): void {
    outsideDelivery(() => {
      this.upper.complete();
      this.service.complete();
      this.rekeyed.complete();
      this.closed.next(error);
      this.closed.complete();
    });
  }
}
