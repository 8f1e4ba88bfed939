import { PlacementPolicy, PlacementServiceService } from '@keelson/shared/api'
import { present } from '../../../resource/index.ts'
import { defineVerb, toggle, wholeNumber } from '../../../verb/index.ts'
import { explainAbsence, policyView, scopeFlags, scopeOf, subjectOf } from './scope.ts'

/** `placement policy show`. */
export const show = defineVerb({
  name: 'show',
  summary: 'show a policy',
  description:
    'With -o yaml the output is what "policy set" takes. A scope without a policy of its own is ' +
    'not found unless --effective fills it from the wider scopes and the defaults.',
  flags: {
    ...scopeFlags,
    version: wholeNumber('number', 'this version (the newest)', [1, Number.MAX_SAFE_INTEGER]),
    effective: toggle('what holds: wider scopes and defaults filled in'),
  },
  examples: [
    'placement policy show',
    'placement policy show --class fast --effective',
    'placement policy show --version 3 -o yaml',
  ],
  async run({ flags, session }) {
    const client = await session.client()
    const whose = scopeOf(flags)
    const request = { ...whose, version: BigInt(flags.version ?? 0), effective: flags.effective }
    const response = await client
      .call(PlacementServiceService.getPolicy, request)
      .catch(explainAbsence)
    const policy = present(response.policy, `policy of ${subjectOf(whose)}`)
    await session.print(policyView(policy, PlacementPolicy.toJSON(policy)))
  },
})
