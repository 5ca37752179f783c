/** A server of a Cluster, as others know it. */
export interface ClusterNode {
  id: string;
  host: string;
  port: number;
  /** The id of its primary; undefined if it is one. */
  primary: string | undefined;
  slots: [from: number, to: number][];
}

/**
 * Reads what servers of a Cluster say of all (CLUSTER NODES). Where they differ, the one with the highest epoch counts: a
 * server that was replaced while it was away believes that it still has its slots.
 * @param texts one from each server
 */
export function readClusterNodes(texts: string[]): ClusterNode[] {
  const newest = new Map<string, ClusterNode & { epoch: number }>();
  for (const line of texts.flatMap((text) => text.split('\n'))) {
    const [id, address = '', flags = '', primary, , , epochText, , ...ranges] = line.trim().split(' ');
    const [, host = '', port = 0] = /^(.*):(\d+)@/.exec(address) ?? [];
    if (id === undefined || port === 0) continue;
    const epoch = Number(epochText);
    const slots = ranges.filter((range) => !range.startsWith('[')).map(readRange); // in brackets: being moved
    const node = { id, host, port: Number(port), primary: flags.includes('slave') ? primary : undefined, slots, epoch };
    if (epoch >= (newest.get(id)?.epoch ?? 0)) newest.set(id, node);
  }
  const nodes = [...newest.values()];
  return nodes.map(({ epoch, ...node }) => {
    const newer = nodes.filter((other) => other.epoch > epoch).flatMap(({ slots }) => slots);
    const isOwn = ([from, to]: [number, number]) => !newer.some(([first, last]) => first <= to && from <= last);
    return { ...node, slots: node.slots.filter(isOwn) };
  });
}

function readRange(range: string): [number, number] {
  const [from = 0, to = from] = range.split('-').map(Number);
  return [from, to];
}
