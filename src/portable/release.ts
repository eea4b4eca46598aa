/** The release of this package, as in package.json. Connections carry it in their names, so that an operator sees the fleet. */
export const RELEASE = '0.1.0'
