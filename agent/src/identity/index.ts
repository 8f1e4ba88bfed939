/** Who the host is to the cluster: joining, the certificate, renewing it. */
export * from './credentials.ts'
export * from './enrollment.ts'
export * from './identity.ts'
export * from './join-token.ts'
