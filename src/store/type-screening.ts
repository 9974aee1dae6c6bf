/** When a lead type's numbers are checked by the screening service. `auto`: by every server that has one. */
export const screeningModes = ['auto', 'on', 'off'] as const;

export type ScreeningMode = (typeof screeningModes)[number];

/** How the numbers of a lead type are screened. */
export interface ScreeningSetting {
  /** Names of the registries whose lists it requires. */
  registries: readonly string[];
  /** Whether leads that contain the person's consent are delivered although a registry lists the number. */
  registryOverride: boolean;
  /** `on`: its leads wait until a screening service has checked them; `off`: none checks them. */
  screening: ScreeningMode;
}

/** How the numbers of the lead type with a name are screened. */
export interface ScreeningOfType extends ScreeningSetting {
  /** Its name, or a former one. */
  name: string;
}

/** How the numbers of each lead type are screened. The store keeps it; `DeliveryPermission` applies it. */
export interface ScreeningOfTypes {
  /** Returns how the numbers of all lead types are screened, under each of their names. */
  screeningOfTypes(): Promise<ScreeningOfType[]>;
  /**
   * Sets how the numbers of a lead type are screened. Members that are missing are not changed.
   *
   * @throws {UserError} if the type does not exist
   */
  setScreening(type: string, setting: Partial<ScreeningSetting>): Promise<void>;
  /**
   * Makes a limited number of leads that wait for a registry or a screening due now, so that they are decided on again.
   * Returns their number. 0: none is left.
   *
   * @param now milliseconds since 1970
   */
  reconsiderScreened(now: number): Promise<number>;
}
