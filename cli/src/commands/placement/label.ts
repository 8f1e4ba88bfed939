/** Short names of the node labels that operators name all day. */

const SHORT: Readonly<Record<string, string>> = {
  node: '',
  rack: 'topology.kubernetes.io/rack',
  zone: 'topology.kubernetes.io/zone',
  region: 'topology.kubernetes.io/region',
}

/** The label of "rack", "zone" or "region", empty for "node"; every other label is itself. */
export function labelOf(name: string): string {
  return Object.hasOwn(SHORT, name) ? SHORT[name]! : name
}

/** The short name of a label. */
export function shortLabel(label: string): string {
  return Object.keys(SHORT).find((name) => SHORT[name] === label) ?? label
}
