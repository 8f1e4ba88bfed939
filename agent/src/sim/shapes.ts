/** The few kinds of machine that simulated hosts are made of: data, sizes as makers give them. */
import type { DiskTransport } from '@keelson/shared/model'

const GIB = 2 ** 30

/** One kind of machine. */
export interface Shape {
  readonly vendor: string
  readonly product: string
  readonly bios: { readonly vendor: string; readonly version: string; readonly date: string }
  readonly cpu: {
    readonly vendor: string
    readonly modelName: string
    readonly family: number
    readonly model: number
    readonly stepping: number
    readonly microcode: string
    readonly sockets: number
    readonly coresPerSocket: number
    readonly baseKhz: number
    readonly maxKhz: number
    readonly cacheBytes: number
    readonly flags: readonly string[]
  }
  readonly dimms: { readonly count: number; readonly sizeBytes: number; readonly speedMts: number }
  readonly disks: {
    readonly count: number
    readonly model: string
    readonly firmware: string
    readonly sizeBytes: number
    readonly transport: DiskTransport
  }
  readonly nics: {
    readonly count: number
    readonly driver: string
    readonly firmware: string
    readonly vendorId: string
    readonly deviceId: string
    readonly speedMbps: number
  }
}

const INTEL_FLAGS = ['aes', 'avx', 'avx2', 'avx512f', 'ept', 'pdpe1gb', 'sse4_2', 'vmx', 'vnmi']
const AMD_FLAGS = ['aes', 'avx', 'avx2', 'npt', 'pdpe1gb', 'sev', 'sse4_2', 'svm', 'vaes']

/** Every shape; a host's name decides which one it has. */
export const SHAPES: readonly Shape[] = [
  {
    vendor: 'Dell Inc.',
    product: 'PowerEdge R660',
    bios: { vendor: 'Dell Inc.', version: '2.3.5', date: '2024-09-11' },
    cpu: {
      vendor: 'GenuineIntel',
      modelName: 'Intel(R) Xeon(R) Gold 6442Y',
      family: 6,
      model: 143,
      stepping: 8,
      microcode: '0x2b0005c0',
      sockets: 2,
      coresPerSocket: 24,
      baseKhz: 2_600_000,
      maxKhz: 4_000_000,
      cacheBytes: 60 * 2 ** 20,
      flags: INTEL_FLAGS,
    },
    dimms: { count: 16, sizeBytes: 32 * GIB, speedMts: 4_800 },
    disks: {
      count: 8,
      model: 'KIOXIA KCD8XRUG3T84',
      firmware: '0105',
      sizeBytes: 3_840_755_982_336,
      transport: 'NVME',
    },
    nics: {
      count: 2,
      driver: 'mlx5_core',
      firmware: '26.39.1002',
      vendorId: '0x15b3',
      deviceId: '0x101f',
      speedMbps: 25_000,
    },
  },
  {
    vendor: 'Supermicro',
    product: 'AS -1115CS-TNR',
    bios: { vendor: 'American Megatrends International, LLC.', version: '1.6', date: '2024-03-21' },
    cpu: {
      vendor: 'AuthenticAMD',
      modelName: 'AMD EPYC 9354P 32-Core Processor',
      family: 25,
      model: 17,
      stepping: 1,
      microcode: '0xa101148',
      sockets: 1,
      coresPerSocket: 32,
      baseKhz: 3_250_000,
      maxKhz: 3_799_000,
      cacheBytes: 256 * 2 ** 20,
      flags: AMD_FLAGS,
    },
    dimms: { count: 12, sizeBytes: 32 * GIB, speedMts: 4_800 },
    disks: {
      count: 10,
      model: 'SAMSUNG MZQL27T6HBLA-00A07',
      firmware: 'GDC5902Q',
      sizeBytes: 7_681_501_126_656,
      transport: 'NVME',
    },
    nics: {
      count: 2,
      driver: 'ice',
      firmware: '4.40 0x8001c967 1.3534.0',
      vendorId: '0x8086',
      deviceId: '0x159b',
      speedMbps: 25_000,
    },
  },
  {
    vendor: 'HPE',
    product: 'ProLiant DL360 Gen10',
    bios: { vendor: 'HPE', version: 'U32', date: '2023-07-20' },
    cpu: {
      vendor: 'GenuineIntel',
      modelName: 'Intel(R) Xeon(R) Silver 4214 CPU @ 2.20GHz',
      family: 6,
      model: 85,
      stepping: 7,
      microcode: '0x5003604',
      sockets: 2,
      coresPerSocket: 12,
      baseKhz: 2_200_000,
      maxKhz: 3_200_000,
      cacheBytes: 16.5 * 2 ** 20,
      flags: INTEL_FLAGS,
    },
    dimms: { count: 12, sizeBytes: 16 * GIB, speedMts: 2_400 },
    disks: {
      count: 6,
      model: 'VK001920GWSXK',
      firmware: 'HPG2',
      sizeBytes: 1_920_383_410_176,
      transport: 'SATA',
    },
    nics: {
      count: 4,
      driver: 'tg3',
      firmware: '5719-v1.46 NCSI v1.5.33.0',
      vendorId: '0x14e4',
      deviceId: '0x1657',
      speedMbps: 1_000,
    },
  },
]
