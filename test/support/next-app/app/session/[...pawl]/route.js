import { applicationOf } from '../../../application.js'

export const GET = (request) => applicationOf(request.headers).handlers.GET(request)
export const POST = (request) => applicationOf(request.headers).handlers.POST(request)
export const OPTIONS = (request) => applicationOf(request.headers).handlers.OPTIONS(request)
