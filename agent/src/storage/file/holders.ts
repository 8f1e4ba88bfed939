/** Who keeps a block device busy, in words an operator can act upon. Best effort, never trusted. */
import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { basename } from 'node:path'

/** One sentence per holder of `/dev/loop3`; never empty. */
export async function describeHolders(devicePath: string): Promise<string[]> {
  const { rdev } = await stat(devicePath)
  // The encoding of device numbers in Linux.
  const number = `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`
  const quiet = (list: Promise<string[]>) => list.catch(() => [])
  const found = await Promise.all([
    quiet(readFile('/proc/self/mountinfo', 'utf8').then((t) => mountsOf(t, number, devicePath))),
    quiet(stackedDevices(devicePath)),
    quiet(readFile('/proc/swaps', 'utf8').then((text) => swapsOf(text, devicePath))),
    quiet(openers(devicePath)),
  ])
  const holders = found.flat()
  if (holders.length > 0) return holders
  return [`${devicePath} is held by the kernel, perhaps mounted in another mount namespace`]
}

/** Mounts of a device in mountinfo text, by its number or, as btrfs needs it, by its path. */
export function mountsOf(mountinfo: string, number: string, devicePath: string): string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [fields = '', source = ''] = line.split(' - ')
    const [, , device, , mountPoint] = fields.split(' ')
    const isOurs = device === number || source.split(' ')[1] === devicePath
    return isOurs && mountPoint !== undefined ? [`mounted at ${unescapeOctal(mountPoint)}`] : []
  })
}

/** The kernel writes blanks and backslashes in mountinfo as octal escapes. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))
}

async function stackedDevices(devicePath: string): Promise<string[]> {
  const names = await readdir(`/sys/block/${basename(devicePath)}/holders`)
  return names.map((name) => `used by block device ${name}`)
}

function swapsOf(swaps: string, devicePath: string): string[] {
  return swaps.split('\n').some((line) => line.startsWith(`${devicePath} `)) ? ['used as swap'] : []
}

/** Processes that have the device open; those of other containers show only to a host's root. */
async function openers(devicePath: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found: string[] = []
  for (const pid of pids) {
    if (Number(pid) === process.pid) continue
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
    const targets = await Promise.all(
      descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')),
    )
    if (!targets.includes(devicePath)) continue
    const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')
    found.push(`open by process ${pid} (${command.trim()})`)
  }
  return found
}
