import { MovedMeanwhileError } from "../../oci-http/operations/restore.ts";
import { carryOutPreview, type PreparedChange } from "../api/prepared-change.ts";
import type { WebContext } from "../requests/web-context.ts";
import { type PageContent, type PageResult, Redirect } from "./page.ts";

/** A page that changes something after it has shown what. */
export interface PreviewedPage {
  /** Whose content is changed; `undefined`: that of the registry. */
  readonly repository: string | undefined;
  readonly prepare: () => Promise<PreparedChange>;
  /** The preview; `moved`: why the one before no longer holds. */
  readonly show: (moved?: string) => Promise<PageContent>;
}

/**
 * Carries out the preview that a form confirms, and leads to what its commit did. A form without one, or one of a state that has
 * changed since, gets a preview.
 */
export async function submitPreview(
  context: WebContext,
  form: URLSearchParams,
  { repository, prepare, show }: PreviewedPage,
): Promise<PageResult> {
  const token = form.get("preview");
  if (token === null) return show();
  try {
    const { commit } = await carryOutPreview(context, token, prepare);
    const home = repository === undefined ? "/" : `/repositories/${repository}`;
    return new Redirect(context.links.now(commit ? `/commits/${commit}/done` : home));
  } catch (error) {
    if (!(error instanceof MovedMeanwhileError)) throw error;
    return { ...(await show(error.message)), status: 409 };
  }
}
