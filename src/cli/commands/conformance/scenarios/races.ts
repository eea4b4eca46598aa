import { BURST, type Scenario } from '../scenario.ts'
import {
  expire,
  inBackground,
  NOTES,
  requests,
  restart,
  signIn,
  signOut,
  staysSignedOut,
  succeeds,
  wait,
} from './acts.ts'

const SAVE_FIRST =
  'Write new tokens to the storage, and wait until it has them, before the first request with the new access token.'

/** Several things at once. */
export const RACES: readonly Scenario[] = [
  {
    name: 'burst',
    summary: 'six requests find the access token expired at the same moment',
    acts: [
      signIn,
      expire,
      { kit: 'refreshes', are: 'after the burst' },
      requests(
        Array.from({ length: BURST }, () => NOTES),
        {
          answers: Array.from({ length: BURST }, () => 200),
          refreshes: [1, 1],
          handled: BURST,
          signedIn: true,
          stored: true,
        },
      ),
      { kit: 'refreshes', are: 'served' },
      expire,
      succeeds({ refreshes: [1, 1] }),
    ],
  },
  {
    name: 'late-401',
    summary: 'a 401 for the old access token arrives after another request has refreshed',
    acts: [
      signIn,
      expire,
      { kit: 'requests', are: 'answer held' },
      inBackground,
      { kit: 'hold' },
      succeeds(),
      { kit: 'release' },
      wait({
        answers: [200],
        refreshes: [0, 0],
        advice:
          'Remember with which access token a request went out. If there is a newer one by now, repeat the request with it instead of refreshing again.',
      }),
    ],
  },
  {
    name: 'late-refusal',
    summary: 'the refusal of an old session arrives after somebody else has signed in',
    acts: [
      signIn,
      { kit: 'requests', are: 'held before' },
      inBackground,
      { kit: 'hold' },
      { do: 'sign-in', user: 'ben', expect: { signedIn: true, stored: true } },
      { kit: 'end', user: 'anna', reason: 'revoked' },
      { kit: 'release' },
      wait({
        refreshes: [0, 1],
        advice:
          'Remember with which access token a request went out. A refusal of an older one says nothing about the present session.',
      }),
      succeeds({ refreshes: [0, 1] }),
    ],
  },
  {
    name: 'sign-out-race',
    summary: 'the user signs out while a refresh is under way',
    acts: [
      signIn,
      expire,
      { kit: 'refreshes', are: 'held' },
      inBackground,
      { kit: 'hold' },
      // The repetition must not tell the client that the session has ended.
      { kit: 'requests', are: 'held before' },
      // A client may send the sign-out only after the refresh.
      { kit: 'release', afterMs: 300 },
      signOut(),
      { kit: 'pause', ms: 400 },
      requests([], {
        signedIn: false,
        stored: false,
        advice: 'If the user has signed out since a refresh was sent, discard its answer.',
      }),
      { kit: 'release' },
      { do: 'wait' },
      staysSignedOut,
    ],
  },
  {
    name: 'crash-before-use',
    summary: 'the app is killed right after it used a new access token for the first time',
    acts: [
      signIn,
      expire,
      { kit: 'requests', are: 'use held' },
      inBackground,
      { kit: 'hold' },
      restart,
      { kit: 'requests', are: 'served' },
      expire,
      succeeds({ advice: SAVE_FIRST }),
    ],
  },
  {
    name: 'crash-before-answer',
    summary: 'the app is killed while a refresh is under way that the server has carried out',
    acts: [
      signIn,
      expire,
      { kit: 'refreshes', are: 'held' },
      inBackground,
      { kit: 'hold' },
      restart,
      { kit: 'refreshes', are: 'served' },
      succeeds({
        advice: 'Keep the old refresh token in the storage until the new one is there: it is still valid.',
      }),
    ],
  },
]
