import type { Settings } from './fleet.ts';
import type { LocalFiles } from './local-files.ts';

/** The secrets that a local fleet's replicas sign with: those that it was given, or else its own, in its folder. */
export interface LocalSecrets {
  read(): string;
  /** @returns what to tell the replicas: nothing, where they find them in the folder */
  write(secrets: string): Settings;
}

/** @param given what the fleet's settings say now */
export function createLocalSecrets(files: LocalFiles, env: NodeJS.ProcessEnv, given: () => Settings): LocalSecrets {
  const told = () => given().SESSION_SECRETS || env.SESSION_SECRETS;
  return {
    read: () => told() || files.readSecret(),
    write(secrets) {
      if (told()) return { SESSION_SECRETS: secrets };
      files.writeSecret(secrets);
      return {};
    },
  };
}
