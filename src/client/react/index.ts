'use client'

export { SessionProvider, type SessionProviderProps, useSession, useSessionClient } from './session.ts'
