/** Largest accepted difference between the clocks of two processes, in ms; added to every window of the protocol. */
export const CLOCK_TOLERANCE = 5000
