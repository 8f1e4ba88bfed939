/** How storage classes are shown. */
import { FailureDomainMode, failureDomainModeToJSON, type StorageClass } from '@keelson/shared/api'
import { RACK_LABEL } from '@keelson/shared/model'
import { count } from '../../output/index.ts'
import { identityFields, type Kind, lifeFields, metaColumns } from '../../resource/index.ts'
import { poolKindName } from '../pool/kind.ts'

/** The modes as they are written on the command line. */
export const MODES = ['different', 'prefer-different', 'same'] as const

const VALUES: Readonly<Record<(typeof MODES)[number], FailureDomainMode>> = {
  different: FailureDomainMode.FAILURE_DOMAIN_MODE_DIFFERENT,
  'prefer-different': FailureDomainMode.FAILURE_DOMAIN_MODE_PREFER_DIFFERENT,
  same: FailureDomainMode.FAILURE_DOMAIN_MODE_SAME,
}

/** A mode's value in the API; unset leaves it to the coordinator. */
export function modeValue(mode: (typeof MODES)[number] | undefined): FailureDomainMode {
  return mode === undefined ? FailureDomainMode.FAILURE_DOMAIN_MODE_UNSPECIFIED : VALUES[mode]
}

/** How classes are shown; rules that are left open show what then holds. */
export const classKind: Kind<StorageClass> = {
  singular: 'class',
  plural: 'classes',
  id: ({ meta }) => meta?.name ?? '',
  columns: (nowMs) => [
    { title: 'NAME', cell: ({ meta }) => meta?.name ?? '' },
    { title: 'REPLICAS', cell: ({ spec }) => count(spec?.replicas), right: true },
    { title: 'POOL', cell: ({ spec }) => spec?.pool ?? '' },
    { title: 'KINDS', cell: kinds },
    { title: 'SELECTOR', cell: ({ spec }) => spec?.poolSelector ?? '' },
    { title: 'DOMAIN', cell: domain },
    { title: 'MODE', cell: mode },
    ...metaColumns<StorageClass>(nowMs),
  ],
  describe(item, to, nowMs) {
    const { meta, spec } = item
    to.fields([
      ...identityFields(meta),
      ['Replicas', count(spec?.replicas)],
      ['Pool', spec?.pool || 'any'],
      ['Kinds', kinds(item) || 'any'],
      ['Pool selector', spec?.poolSelector ?? ''],
      ['Failure domain', `${domain(item)} (${mode(item)})`],
      ...lifeFields(meta, nowMs),
    ])
  },
}

function kinds({ spec }: StorageClass): string {
  return (spec?.poolKinds ?? []).map(poolKindName).join(',')
}

function domain({ spec }: StorageClass): string {
  return spec?.failureDomain || RACK_LABEL
}

function mode({ spec }: StorageClass): string {
  const value = spec?.failureDomainMode ?? 0
  if (value === FailureDomainMode.FAILURE_DOMAIN_MODE_UNSPECIFIED) return 'prefer-different'
  return MODES.find((each) => VALUES[each] === value) ?? failureDomainModeToJSON(value)
}
