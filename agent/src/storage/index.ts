/** Storage pools of this host behind one narrow driver interface, with a real and a fake keeper. */
export * from './driver.ts'
export * from './fake.ts'
export * from './fake-disk.ts'
export * from './file/index.ts'
