/**
 * How long before an outage a login may have been answered that an asynchronous failover loses, in ms. A healthy replica
 * lags by less.
 */
export const LAST_MOMENTS = 5000
