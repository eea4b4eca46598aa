/** What the verdicts of the protocol mean, in plain words. */
export const VERDICTS = {
  current: 'refreshed with the newest token and got a fresh pair.',
  steady: 'refreshed in the calm after a turn: a new access token, the same refresh token.',
  sibling: 'refreshed with a twin: two answers to one request were in use, and this one goes on.',
  successor: 'refreshed one step ahead of the record. The record catches up.',
  late: 'refreshed with the previous token, just in time to count as a lost answer.',
  ahead: 'proved that the database had gone back, and the record catches up.',
}

/** Why a session ended, as the end of a sentence. */
export const ENDINGS = {
  logout: 'signed out.',
  revoked: 'was signed out in the device list.',
  reuse: 'ended: two holders used it, and one of them is a thief.',
  idle: 'ended: it was not used for too long.',
  absolute: 'ended: it had reached its greatest age.',
  replaced: 'ended: a new sign-in took its place.',
  limit: 'ended: too many sessions.',
  rollback: 'ended: the database had gone back.',
}

/** The signed-out view, by reason. */
export const SIGNED_OUT = {
  reuse: {
    title: 'Caught: this session was in two hands.',
    what: 'Two holders of this session had both moved on, and then one came back with a refresh token from the past. That cannot happen to one honest browser.',
    why: 'The server cannot know which of the two is you. So it ended the session for both, at once and everywhere: what was stolen is worthless now.',
    tell: '“We signed you out because your session was used from two places. Sign in again. If you did not expect this, scan your device for malware and look through your signed-in devices.”',
  },
  revoked: {
    title: 'This device was signed out.',
    what: 'Someone signed in as you ended this session from the list of devices.',
    why: 'An ended session is refused by every server process within moments, however long its access token would have lived.',
    tell: '“This device was signed out from another one. Sign in again to go on.”',
  },
  logout: {
    title: 'You are signed out.',
    what: 'You signed out, here or in another tab of this browser.',
    why: 'Signing out ends the session on the server, not just the cookies in this browser.',
    tell: '“You are signed out.”',
  },
  idle: {
    title: 'This session has expired.',
    what: 'It was not used for longer than its idle timeout.',
    why: 'A forgotten session should not stay open for whoever finds it.',
    tell: '“You were away for a while. Sign in again to go on.”',
  },
  other: {
    title: 'This session is over.',
    what: 'The server does not accept it any more.',
    why: 'It ended, or reached its greatest age.',
    tell: '“Sign in again to go on.”',
  },
}
