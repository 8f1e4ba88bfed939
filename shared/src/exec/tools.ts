/**
 * Where a tool is, and which package would bring it. A missing tool is the most common fault of a
 * fresh host, so its error names the fix.
 */
import { access, constants } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { KeelsonError } from '../errors/index.ts'

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  coreutils: ['cp', 'dd', 'sync', 'true'],
  e2fsprogs: ['mkfs.ext4', 'resize2fs'],
  mount: ['losetup', 'mount', 'umount'],
  'util-linux': ['blkid', 'blockdev', 'fallocate', 'flock', 'lsblk', 'setpriv', 'wipefs'],
  xfsprogs: ['mkfs.xfs', 'xfs_growfs'],
}
const PACKAGE_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(PACKAGES).flatMap(([name, tools]) => tools.map((tool) => [tool, name] as const)),
)

/** PATH for tools: the process's own, then the directories of system tools that users lack. */
export function toolPath(): string {
  const own = process.env.PATH?.split(':').filter(isAbsolute) ?? []
  const system = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  return [...new Set([...own, ...system])].join(':')
}

/** Absolute path of an executable, or undefined. */
export async function findTool(file: string): Promise<string | undefined> {
  const candidates = isAbsolute(file)
    ? [file]
    : toolPath()
        .split(':')
        .map((directory) => join(directory, file))
  for (const candidate of candidates) {
    const found = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return candidate
  }
  return undefined
}

/** Absolute path of a tool; raises FAILED_PRECONDITION that names the Debian package to install. */
export async function requireTool(file: string): Promise<string> {
  const path = await findTool(file)
  if (path === undefined) throw missingTool(file)
  return path
}

/** The error of a tool that is not there, with the fix where it is known. */
export function missingTool(file: string): KeelsonError {
  const debianPackage = PACKAGE_OF.get(file)
  const hint = debianPackage === undefined ? '' : ` (Debian package ${debianPackage})`
  return new KeelsonError('FAILED_PRECONDITION', `${file} is not installed${hint}`)
}
