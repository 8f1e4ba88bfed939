/** Every noun, by name; its verbs are loaded when it is used. */
import type { Noun } from '../verb/index.ts'

/** The nouns in the order of the help. */
export const nouns: readonly Noun[] = [
  {
    name: 'node',
    summary: 'hosts: liveness, hardware, labels, scheduling',
    heading: 'Hosts:',
    load: async () => (await import('./node/index.ts')).node,
  },
  {
    name: 'pool',
    summary: 'storage pools of hosts',
    heading: 'Storage:',
    load: async () => (await import('./pool/index.ts')).pool,
  },
  {
    name: 'class',
    summary: 'storage classes: rules that volumes choose by name',
    heading: 'Storage:',
    load: async () => (await import('./class/index.ts')).storageClass,
  },
  {
    name: 'volume',
    summary: 'block devices with one or more copies of their data',
    heading: 'Storage:',
    load: async () => (await import('./volume/index.ts')).volume,
  },
  {
    name: 'snapshot',
    summary: 'points in time of volumes',
    heading: 'Storage:',
    load: async () => (await import('./snapshot/index.ts')).snapshot,
  },
  {
    name: 'vm',
    summary: 'virtual machines, placed with their volumes',
    heading: 'Machines:',
    load: async () => (await import('./vm/index.ts')).vm,
  },
  {
    name: 'placement',
    summary: 'where things go and why, what fits, what survives',
    heading: 'Running the cluster:',
    load: async () => (await import('./placement/index.ts')).placement,
  },
  {
    name: 'operation',
    summary: 'work under way, and what became of it',
    heading: 'Running the cluster:',
    load: async () => (await import('./operation/index.ts')).operation,
  },
  {
    name: 'event',
    summary: 'what happened',
    heading: 'Running the cluster:',
    load: async () => (await import('./event/index.ts')).event,
  },
  {
    name: 'cluster',
    summary: 'health, verification, backups, tokens',
    heading: 'Running the cluster:',
    load: async () => (await import('./cluster/index.ts')).cluster,
  },
  {
    name: 'completion',
    summary: 'completion script for bash, zsh or fish',
    heading: 'This program:',
    load: async () => (await import('./completion/index.ts')).completion,
  },
  {
    name: 'version',
    summary: 'version of this program',
    heading: 'This program:',
    load: async () => (await import('./version/index.ts')).version,
  },
]
