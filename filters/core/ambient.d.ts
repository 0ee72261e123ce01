// AssemblyScript's integer types as tsc sees them, so that format.ts builds under both compilers.
type u32 = number;
type i32 = number;
