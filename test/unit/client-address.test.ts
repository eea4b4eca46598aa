import { describe, expect, it } from 'vitest'
import { coded } from '../support/errors.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

describe('the address of a client', () => {
  it.each([
    // With the port of the client, as Azure and RFC 7239 write it.
    ['192.0.2.1:5678', '192.0.2.1'],
    ['192.0.2.1:_client', '192.0.2.1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    // IPv4 over a dual-stack socket.
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:5678', '192.0.2.1'],
    ['::ffff:192.0.2.1:5678', '192.0.2.1'],
    // The zone of an interface.
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:443', 'fe80::1'],
    // Other spellings of an address.
    ['2001:0DB8:0:0:0:0:0:A', '2001:db8::a'],
    [' \t192.0.2.1 ', '192.0.2.1'],
    ['"192.0.2.1"', '192.0.2.1'],
    // A whole header: the first entry is the client.
    ['192.0.2.1, 10.0.0.1', '192.0.2.1'],
    ['192.0.2.1:5678,10.0.0.1:80', '192.0.2.1'],
    [`2001:db8::1, ${'10.0.0.1, '.repeat(30)}`, '2001:db8::1'],
    ['for="[2001:db8::1]:4711"', '2001:db8::1'],
    ['For=192.0.2.1;proto=http;by=203.0.113.43', '192.0.2.1'],
    ['proto=https; for="192.0.2.1:47011", for=10.0.0.1', '192.0.2.1'],
  ])('%j is recorded as %s', async (ip, recorded) => {
    const { create } = await openSessions()
    expect((await create({ userId: 'u', ip })).session.ip).toBe(recorded)
  })

  it.each([
    'unknown',
    '_hidden',
    'for=unknown',
    'for="_hidden"',
    'by=192.0.2.1',
    'unknown, 192.0.2.1',
    '',
    '192.0.2',
    '192.0.2.01',
    '0xc0.0.2.1',
    '192.0.2.256',
    '192.0.2.1/24',
    '192.0.2.1%eth0',
    '192.0.2.1:',
    '192.0.2.1:70000',
    '192.0.2.1:80:90',
    '[192.0.2.1]:80',
    '[2001:db8::1',
    '[]:80',
    '::ffff:192.0.2.01',
    '2001:db8::1::2',
    'client.example.com:80',
    '192.0.2.1\0',
    42,
    ['192.0.2.1'],
  ])('%j is not recorded', async (ip) => {
    const { create } = await openSessions()
    expect((await create({ userId: 'u', ip: ip as string })).session.ip).toBeNull()
  })

  it('is shortened to its network after the port is removed', async () => {
    const { create } = await openSessions({ privacy: { ip: 'network' } })
    const recorded = async (ip: string): Promise<unknown> => (await create({ userId: 'u', ip })).session.ip
    expect(await recorded('192.0.2.77:5678')).toBe('192.0.2.0')
    expect(await recorded('[2001:db8:1:2::3]:443')).toBe('2001:db8:1::')
  })

  it('does not change with the port, with `onContextChange: refresh`', async () => {
    const { sessions, clock } = await openWithClock({ accessToken: { onContextChange: 'refresh' } })
    const { accessToken } = await sessions.create({ userId: 'u', ip: '192.0.2.1:5678' })
    clock.advance(31)
    expect(sessions.verify(accessToken.value, { ip: '192.0.2.1:9012' }).userId).toBe('u')
    expect(() => sessions.verify(accessToken.value, { ip: '192.0.2.2:5678' })).toThrow(
      coded('ERR_ACCESS_TOKEN_EXPIRED', { reason: 'context' }) as Error,
    )
  })
})
