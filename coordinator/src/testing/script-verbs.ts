/**
 * The verbs of golden scripts about decisions. Each line is a command on a world; it prints
 * `ok NAME` with the events and the documents that change, or `error CODE: message`.
 *
 *     node a1 rack=a [--capabilities file,drbd]      a host that has joined and is online
 *     pool a1 local FILE_THIN 100GiB [--free 3GiB]   a pool that its host has reported Ready
 *     report a1                                      the host has done all it was told
 *     observed a1 volume/data=Ready,size=1GiB        one thing a host reports
 *     state volumes | desired a1                     what is there now
 *
 * The rest reads like the command line.
 */
import type { FailureDomainMode, Hello, Role, StoragePoolKind } from '@keelson/shared/model'
import { parseSize, parseTaint } from '@keelson/shared/model'
import type { ScriptCommand, ScriptHandler } from '@keelson/shared/testing'
import { faithfulReport, helloOf, observedPool, reportOf } from './report.ts'
import { parseItems } from './report-items.ts'
import { MACHINE_VERBS } from './script-machines.ts'
import { list, longKey, pairs, submit, type Verb } from './script-tools.ts'
import { showDesired, showRefusal, showState } from './show.ts'
import { createWorld, type World } from './world.ts'

/** A handler on a fresh world. */
export function createDecideScript(): ScriptHandler {
  const world = createWorld()
  return (command) => {
    const [first = '', second = ''] = command.words
    const two = VERBS[`${first} ${second}`]
    const verb = two ?? VERBS[first]
    if (!verb) throw new Error(`"${command.text}": no such command`)
    try {
      return verb(world, command, command.words.slice(two ? 2 : 1))
    } catch (error) {
      return showRefusal(error)
    }
  }
}

const VERBS: Readonly<Record<string, Verb>> = {
  ...MACHINE_VERBS,
  clock(world, _command, [minutes = '']) {
    world.advance(Number(minutes) * 60_000)
    return ''
  },
  state: ({ state }, _command, [what = '']) => showState(state, what),
  desired: ({ state }, _command, [node = '']) => showDesired(state, node),

  node(world, { flag }, [name = '', ...labels]) {
    const capabilities = list(flag('capabilities') ?? 'file,drbd')
    enroll(world, name, { labels: pairs(labels) })
    world.run('RecordHello', name, { hello: helloOf(name, { capabilities }), address: '' })
    return ''
  },
  'node label': (world, _command, [node = '', ...labels]) =>
    submit(world, 'UpdateNode', node, {
      node,
      setLabels: pairs(labels.filter((label) => !label.endsWith('-'))),
      removeLabels: labels.filter((l) => l.endsWith('-')).map((l) => longKey(l.slice(0, -1))),
    }),
  'node taint': (world, _command, [node = '', ...taints]) =>
    submit(world, 'UpdateNode', node, {
      node,
      setLabels: {},
      removeLabels: [],
      setTaints: taints.filter((text) => !text.endsWith('-')).map(parseTaint),
      removeTaints: taints.flatMap((text) => (text.endsWith('-') ? text.slice(0, -1) : [])),
    }),
  'node cordon': (world, _command, words) => schedulable(world, words, false),
  'node uncordon': (world, _command, words) => schedulable(world, words, true),
  'node offline': (world, _command, [node = '']) =>
    submit(world, 'SetNodePhase', node, { node, phase: 'Offline', reason: 'no heartbeat' }),
  'node delete': (world, _command, [node = '']) => submit(world, 'DeleteNode', node, { node }),
  enroll: (world, { flag }, [node = '']) =>
    submit(world, 'EnrollNode', node, {
      node,
      labels: {},
      joinTokenId: flag('token') ?? '',
      joinSecretSha256: flag('secret') ?? 'secret',
      machineKeySha256: flag('machine') ?? `machine of ${node}`,
    }),
  hello(world, { flag }, [node = '']) {
    const changes: Partial<Hello> = {
      ledgerGeneration: Number(flag('generation') ?? 0),
      clusterId: flag('cluster') ?? '',
      bootId: flag('boot') ?? 'boot-1',
    }
    return submit(world, 'RecordHello', node, { hello: helloOf(node, changes), address: '' })
  },
  inventory(world, _command, [node = '', ...sections]) {
    const meta = { collectMs: 1, status: 'OK' as const, gaps: [], collectedAt: world.now() }
    return submit(world, 'RecordInventory', node, {
      node,
      sections: sections.map((text) => {
        const [name, sha256 = ''] = text.split('=') as ['cpu' | 'disks', string]
        return { name, meta: { ...meta, name, sha256 } }
      }),
    })
  },

  'join-token create': (world, { flag }, [id = '']) => {
    const uses = flag('uses')
    return submit(world, 'CreateJoinToken', id, {
      id,
      secretSha256: 'secret',
      expiresAt: world.now() + Number(flag('minutes') ?? 60) * 60_000,
      node: flag('node') ?? '',
      ...(uses !== undefined && { uses: Number(uses) }),
    })
  },
  'join-token delete': (world, _command, [id = '']) => submit(world, 'DeleteJoinToken', id, { id }),
  'user-token create': (world, { flag }, [id = '']) => {
    const minutes = flag('minutes')
    return submit(world, 'CreateUserToken', id, {
      id,
      secretSha256: 'secret',
      user: flag('user') ?? 'ada',
      role: (flag('role') ?? 'admin') as Role,
      ...(minutes !== undefined && { expiresAt: world.now() + Number(minutes) * 60_000 }),
    })
  },
  'user-token delete': (world, _command, [id = '']) => submit(world, 'DeleteUserToken', id, { id }),

  pool(world, { flag }, [node = '', name = '', kind = '', size = '']) {
    const subject = `${node}/${name}`
    const totalBytes = parseSize(size)
    const freeBytes = parseSize(flag('free') ?? size)
    const spec = { ...poolSpec(node, name, flag), kind: kind as StoragePoolKind }
    world.run('CreatePool', subject, { name, labels: pairs(list(flag('labels'))), spec })
    const pools = [observedPool(uidOf(world, subject), { totalBytes, freeBytes })]
    world.run('RecordObserved', subject, { node, observed: reportOf({ pools }) })
    return ''
  },
  'pool create': (world, { flag }, [name = '']) =>
    submit(world, 'CreatePool', name, {
      name,
      labels: {},
      spec: poolSpec(flag('node') ?? '', name, flag),
    }),
  'pool delete': (world, { flag }, [name = '']) =>
    submit(world, 'DeletePool', name, { name, node: flag('node') ?? '' }),

  'class create': (world, { flag }, [name = '']) =>
    submit(world, 'CreateClass', name, {
      name,
      labels: {},
      spec: {
        replicas: Number(flag('replicas') ?? 1),
        pool: flag('pool') ?? '',
        poolKinds: list(flag('kinds')) as StoragePoolKind[],
        poolSelector: flag('selector') ?? '',
        failureDomain: longKey(flag('domain') ?? 'rack'),
        failureDomainMode: (flag('mode') ?? 'PreferDifferent') as FailureDomainMode,
      },
    }),
  'class delete': (world, _command, [name = '']) => submit(world, 'DeleteClass', name, { name }),

  'volume create': (world, { flag, has }, [name = '']) =>
    submit(world, 'CreateVolume', name, {
      name,
      labels: {},
      dryRun: has('dry-run'),
      spec: {
        sizeBytes: parseSize(flag('size') ?? '1GiB'),
        storageClass: flag('class') ?? '',
        pool: flag('pool') ?? '',
        replicas: Number(flag('replicas') ?? 0),
        nodes: list(flag('nodes')),
        sourceSnapshot: '',
        ...(has('no-tie-breaker') && { tieBreakerMode: 'Never' as const }),
      },
    }),
  'volume resize': (world, { flag }, [name = '']) =>
    submit(world, 'ResizeVolume', name, { name, sizeBytes: parseSize(flag('size') ?? '') }),
  'volume move': (world, { flag, has }, [volume = '']) =>
    submit(world, 'MoveReplica', volume, {
      volume,
      fromNode: flag('from') ?? '',
      toNode: flag('to') ?? '',
      toPool: flag('pool') ?? '',
      dryRun: has('dry-run'),
    }),
  'volume delete': (world, _command, [name = '']) => submit(world, 'DeleteVolume', name, { name }),
  'volume refresh': (world, _command, volumes) =>
    submit(world, 'RefreshVolumes', volumes.join(' '), { volumes }),

  'snapshot create': (world, { flag }, [name = '']) =>
    submit(world, 'CreateSnapshot', name, { name, labels: {}, volume: flag('volume') ?? '' }),
  'snapshot restore': (world, { flag }, [snapshot = '']) =>
    submit(world, 'RestoreSnapshot', snapshot, {
      snapshot,
      volume: flag('volume') ?? '',
      sizeBytes: parseSize(flag('size') ?? '0'),
      labels: {},
    }),
  'snapshot delete': (world, _command, [name = '']) =>
    submit(world, 'DeleteSnapshot', name, { name }),

  'operation cancel': (world, _command, [subject = '']) => {
    // The newest operation on the subject, running or not: names are made of time and chance.
    const operations = [...world.state.operations.values()].filter((o) => o.subject === subject)
    const name = operations.at(-1)?.meta.name ?? subject
    return submit(world, 'CancelOperation', subject, { name }).replace(name, subject)
  },
  prune: (world, { flag }) =>
    submit(world, 'PruneHistory', 'history', {
      keepEvents: Number(flag('events') ?? 1000),
      keepOperations: Number(flag('operations') ?? 1000),
    }),

  report: (world, _command, [node = '']) =>
    submit(world, 'RecordObserved', node, {
      node,
      observed: faithfulReport(world.state, node),
    }),
  observed: (world, _command, [node = '', ...items]) =>
    submit(world, 'RecordObserved', node, {
      node,
      observed: reportOf(parseItems(world.state, node, items)),
    }),
}

function schedulable(world: World, [node = '']: readonly string[], value: boolean): string {
  return submit(world, 'UpdateNode', node, {
    node,
    setLabels: {},
    removeLabels: [],
    schedulable: value,
  })
}

/** Lets a host in with a token made for the occasion. */
function enroll(world: World, node: string, fields: { labels: Record<string, string> }): void {
  const id = `for-${node}`
  world.run('CreateJoinToken', id, {
    id,
    secretSha256: id,
    expiresAt: world.now() + 60_000,
    node,
  })
  world.run('EnrollNode', node, {
    node,
    ...fields,
    joinTokenId: id,
    joinSecretSha256: id,
    machineKeySha256: `machine of ${node}`,
  })
  world.run('DeleteJoinToken', id, { id })
}

function poolSpec(node: string, name: string, flag: ScriptCommand['flag']) {
  return {
    node,
    kind: (flag('kind') ?? 'FILE_THIN') as StoragePoolKind,
    path: flag('path') ?? `/srv/${name}`,
    overcommitPercent: Number(flag('overcommit') ?? 100),
  }
}

function uidOf({ state }: World, pool: string): string {
  return state.pools.get(pool)?.meta.uid ?? ''
}
