/** Methods of other session libraries, which Passport and the like call. */
const FOREIGN_METHODS = ['regenerate', 'save', 'reload', 'destroy', 'touch', 'resetMaxAge'] as const

const WHERE_DATA_GOES =
  'Keep data of the session in its row, with `await session.patchData({ … })` or `setData`, and read it with `await session.get()`. What the client may read goes into the claims: `setClaims`.'

/**
 * Makes every write of an unknown property to a request's session throw. It would be lost after the request, and sloppy
 * code would not notice. A proxy at the end of the prototype chain sees only what the class does not have, so known
 * properties cost nothing.
 */
export function refuseOwnProperties(prototype: object): void {
  for (const [name, { get, set }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    // Without a setter, a write is ignored in sloppy code.
    if (get === undefined || set !== undefined) continue
    const refuse = (): never => refuseWrite(name)
    Object.defineProperty(prototype, name, { get, set: refuse, configurable: true })
  }
  Object.setPrototypeOf(prototype, new Proxy(createForeignMethods(), { set: (_, name) => refuseWrite(name) }))
}

function refuseWrite(name: string | symbol): never {
  throw new TypeError(
    `\`session.${String(name)} = …\` would be lost after this request: Pawl's session holds no properties of the application. ${WHERE_DATA_GOES}`,
  )
}

function createForeignMethods(): object {
  const methods = FOREIGN_METHODS.map((name): [string, PropertyDescriptor] => [
    name,
    {
      value: (): never => {
        throw new TypeError(
          `Pawl's session has no \`${name}()\`, which another library has called. To sign in and out, call \`session.create()\` and \`session.revoke()\`; Passport needs \`{ session: false }\`. ${WHERE_DATA_GOES}`,
        )
      },
      enumerable: false,
    },
  ])
  return Object.create(Object.prototype, Object.fromEntries(methods)) as object
}
