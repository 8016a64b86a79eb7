/** `keyboard-interactive` (RFC 4256). */
import { interactiveData } from '../../messages/userauth.ts';
import type { ServerMethod } from '../server-method.ts';

/** Submethods that a policy is told of. */
const MAX_SUBMETHODS = 16;

/** The server's half: the request says next to nothing, the policy asks. */
export const keyboardInteractiveServer: ServerMethod = {
  name: 'keyboard-interactive',
  examine({ methodData }) {
    const names = interactiveData.decode(methodData).submethods.split(',', MAX_SUBMETHODS);
    const submethods = names.filter((name) => name !== '');
    return { type: 'ask', credential: { method: 'keyboard-interactive', submethods } };
  },
};
