/**
 * How the device of a session proves itself. `dbsc`: the browser by itself. `webcrypto`: `pawl/client/bind` in a browser.
 * `native`: an app.
 */
export type DeviceKind = 'dbsc' | 'webcrypto' | 'native'
