/** Our client against Dropbear's server, whose window is 24 KiB. */
import { startDropbear } from '../support/peers/dropbear.ts';
import { describeCoreCases } from '../support/peers/core-cases.ts';
import { describeWithPeer, usePeer } from '../support/peers/peer.ts';

describeWithPeer('dropbear', 'Dropbear', () => {
  describeCoreCases(
    usePeer(() => startDropbear()),
    { dropsCommandsSideBySide: true },
  );
});
