/** Where volumes and machines go, and why. Pure: rules before preferences, no time or chance. */
export * from './balance/index.ts'
export * from './contract.ts'
export * from './explain/index.ts'
export * from './explanation.ts'
export { assignStandbys, type Breach, verifyLoss, wouldBreak } from './guarantee/index.ts'
export { type MachineWanted, placeMachine, placeMachines, placeVolume } from './place.ts'
export { brokenRules, checkRules, placeMachineAgain, placeMachineOn } from './place-again.ts'
export * from './policy/index.ts'
export {
  type CompiledMachine,
  type CompiledVolume,
  compileMachine,
  compileVolume,
  idOf,
  type PlacedThing,
  type Thing,
} from './rules/index.ts'
export * from './standbys.ts'
export { placeTieBreaker } from './tie-breaker.ts'
export {
  createFleetView,
  demandOfMachine,
  demandOfVolume,
  type FleetView,
  fleetView,
  promisableBytes,
  reservationFor,
} from './view/index.ts'
export * from './warnings.ts'
export {
  checkGuarantee,
  createFlavorCounter,
  placedRules,
  playSteps,
  worldOfView,
} from './whatif/index.ts'
