/** Who is who: the cluster's authority, certificates that name nodes, tokens kept as hashes. */
export * from './authority.ts'
export * from './certificate.ts'
export * from './identity.ts'
export * from './pinning.ts'
export * from './signing-request.ts'
export * from './tokens.ts'
