import { describe, expect, it } from 'vitest'
import { mountsOf } from './holders.ts'

const MOUNTINFO = `22 27 0:21 / /proc rw,relatime - proc proc rw
40 27 7:3 / /srv/a\\040b rw,relatime shared:1 - ext4 /dev/loop3 rw
41 27 0:50 / /srv/btrfs rw,relatime - btrfs /dev/loop4 rw,space_cache=v2
42 27 7:3 /sub /srv/bind rw,relatime shared:1 master:2 - ext4 /dev/loop3 rw
43 27 7:30 / /srv/other rw,relatime - ext4 /dev/loop30 rw
`

describe('the mounts of a device', () => {
  it.each([
    ['by number, bind mounts included', '7:3', '/dev/loop3', ['/srv/a b', '/srv/bind']],
    ['by path where the number is made up', '7:4', '/dev/loop4', ['/srv/btrfs']],
    ['not by a prefix of either', '7:0', '/dev/loop', []],
  ])('are found %s', (_, number, path, mountPoints) => {
    const expected = mountPoints.map((mountPoint) => `mounted at ${mountPoint}`)
    expect(mountsOf(MOUNTINFO, number, path)).toEqual(expected)
  })
})
