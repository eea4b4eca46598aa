/** The verdicts of the rotation protocol. Each text follows a name, such as "This tab". */
export const VERDICTS = {
  current: 'refreshed with the latest refresh token and got a new pair of tokens.',
  steady: 'refreshed shortly after a rotation and got a new access token. The refresh token stays the same.',
  sibling: 'refreshed with the token of a parallel response. That token becomes the current one.',
  successor: 'refreshed with the next token before the server had recorded it. The session advances.',
  late: 'refreshed with the previous token, early enough to count as a lost response.',
  ahead: 'refreshed with a token newer than the database, which had lost its latest commits.',
}

/** The reasons why a session ended. Each text follows a name, such as "This session". */
export const ENDINGS = {
  logout: 'signed out.',
  revoked: 'was signed out in the device list.',
  reuse: 'ended: its refresh token was stolen.',
  idle: 'expired: it was not used for too long.',
  absolute: 'expired: it reached its absolute lifetime.',
  replaced: 'ended: a new sign-in replaced it.',
  limit: 'ended: the user had too many sessions.',
  rollback: 'ended: the database had lost its latest commits.',
  device: 'ended: its browser had lost the key, and somebody signed in there again.',
}

/** What a session is bound to, by the kind of the key. */
export const BINDINGS = {
  webcrypto: 'A key of this browser, made by pawl/client/bind',
  dbsc: 'A key that Chrome keeps in this computer (DBSC)',
}

/** The texts of the signed-out view, by reason. */
export const SIGNED_OUT = {
  reuse: {
    title: 'Caught: two parties used this session.',
    what: 'Both of them had refreshed the session. Then an old refresh token was used again. A single honest browser never does that.',
    why: 'The server cannot tell which of the two is you. It ended the session for both, in every process at once. The stolen tokens are worthless.',
    message:
      '“We signed you out because your session was used from two places. Please sign in again. If you did not expect this, scan your device for malware and check your signed-in devices.”',
  },
  revoked: {
    title: 'This device was signed out.',
    what: 'You, or somebody signed in as you, ended this session in the device list.',
    why: 'Every server process refuses a revoked session within moments, even if its access token has not expired.',
    message: '“This device was signed out from another device. Please sign in again.”',
  },
  logout: {
    title: 'You are signed out.',
    what: 'You signed out here or in another tab of this browser.',
    why: 'Signing out ends the session on the server. It does more than delete the cookies of this browser.',
    message: '“You are signed out.”',
  },
  idle: {
    title: 'This session has expired.',
    what: 'It was not used for longer than its idle timeout.',
    why: 'A forgotten session must not stay open for the next person at the device.',
    message: '“You were away for a while. Please sign in again.”',
  },
  deleted: {
    title: 'Your last session no longer exists.',
    what: 'The demo deletes its data when it stops.',
    why: 'The database has no row for this session, so the server refuses its tokens.',
    message: '“Please sign in again.”',
  },
  unproven: {
    title: 'This browser could not prove itself.',
    what: 'The session is bound to a key. The browser has lost it, or Chrome has used up its six signatures of nine minutes.',
    why: 'Without the key, the server cannot tell this browser from a thief with copied cookies. It has not ended the session.',
    message: '“We could not recognize this device. Please sign in again.”',
  },
  other: {
    title: 'This session has ended.',
    what: 'The server refuses its tokens.',
    why: 'It reached its absolute lifetime, or the server ended it for another reason.',
    message: '“Please sign in again.”',
  },
}
