export type { DeviceBinding, ProofRequest } from '../device.ts'
export { type BindDeviceOptions, bindDevice } from './bind-device.ts'
export type { DevicePublicKey, DeviceSigner } from './device-signer.ts'
