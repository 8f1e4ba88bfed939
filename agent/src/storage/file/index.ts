/** FILE and FILE_THIN pools: volumes are files of a directory, attached as loop devices. */
export { createFileDriver, type FileDriverOptions } from './file-driver.ts'
