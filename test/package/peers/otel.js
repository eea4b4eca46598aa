import { openTelemetry } from 'pawl/otel'
import { visitWith } from './fetch.js'

await visitWith({ telemetry: openTelemetry() })
