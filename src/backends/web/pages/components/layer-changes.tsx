import type { ImageComparison } from "../../../oci-http/operations/images/compare-images.ts";
import { BlobLink } from "./blob-link.tsx";
import type { InRepository } from "./crumbs.ts";
import { DigestText } from "./digest-text.tsx";
import { LayerBar } from "./layer-bar.tsx";
import { Key } from "./layer-list.tsx";
import { Size } from "./size.tsx";

interface LayerChangesProps extends InRepository {
  readonly images: NonNullable<ImageComparison["images"]>;
}

const CHANGES = [
  { change: "removed", mark: "mark-4", words: "only in the first", sign: "−" },
  { change: "added", mark: "mark-3", words: "only in the second", sign: "+" },
  { change: "shared", mark: "mark-2", words: "in both", sign: "" },
] as const;

export function LayerChanges({ context, repository, images: { layers, sizes, counts } }: LayerChangesProps) {
  return (
    <section class="section" aria-labelledby="layers">
      <h2 id="layers">Layers</h2>
      <LayerBar
        label="Bytes of layers in the first alone, in the second alone and in both"
        parts={CHANGES.map(({ change, mark, words }) => ({
          key: change,
          bytes: sizes[change],
          text: words,
          mark,
        }))}
      />
      <div class="row small">
        {CHANGES.map(({ change, mark, words }) => (
          <span key={change}>
            <Key mark={mark} /> {counts[change].toLocaleString("en")} {words} <Size bytes={sizes[change]} />
          </span>
        ))}
      </div>
      {layers.entries.length > 0 && (
        <div class="table">
          <table class="cards">
            <thead>
              <tr>
                <th scope="col">Change</th>
                <th scope="col" class="number">
                  Size
                </th>
                <th scope="col">Digest</th>
                <th scope="col">Made by</th>
              </tr>
            </thead>
            <tbody>
              {layers.entries.map((layer) => (
                <tr key={layer.digest}>
                  <td class={layer.change === "shared" ? "soft" : layer.change}>{wordsOf(layer.change)}</td>
                  <td class="number">
                    <Size bytes={layer.size} />
                  </td>
                  <td>
                    <BlobLink context={context} repository={repository} blob={layer}>
                      <DigestText digest={layer.digest} />
                    </BlobLink>
                  </td>
                  <td class="command">{layer.createdBy}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {layers.more && <p class="small soft">The first {layers.entries.length}; there are more.</p>}
    </section>
  );
}

function wordsOf(change: (typeof CHANGES)[number]["change"]): string {
  const { sign, words } = CHANGES.find((each) => each.change === change) ?? CHANGES[2];
  return `${sign} ${words}`.trim();
}
