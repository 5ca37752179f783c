import { settings } from '../../src/config.ts';

// What the objects of a deployment must have in common, and what each must have. Each rule returns what is wrong.

const workloadKinds = ['Deployment', 'StatefulSet'];
export const workloads = (objects) => objects.filter(({ kind }) => workloadKinds.includes(kind));
export const find = (objects, kind, name) =>
  objects.find((object) => object.kind === kind && object.metadata.name === name);
const ofKind = (objects, kind) => objects.filter((object) => object.kind === kind);
const podOf = ({ spec }) => spec.template.spec;
const labelsOf = ({ spec }) => spec.template.metadata.labels;
const containersOf = (objects) =>
  workloads(objects).flatMap((workload) =>
    podOf(workload).containers.map((container) => ({
      workload,
      container,
      name: `${workload.metadata.name}/${container.name}`,
    })),
  );
const selects = (labels, of) => Object.entries(labels ?? {}).every(([name, value]) => of[name] === value);
const selectedBy = (objects, labels) => workloads(objects).filter((workload) => selects(labels, labelsOf(workload)));
const portNames = (workload) => podOf(workload).containers.flatMap(({ ports = [] }) => ports.map(({ name }) => name));

export const rules = {
  'selectors select one workload each, and ports are there'(objects) {
    const wrong = [];
    const check = (what, labels, ports) => {
      const found = selectedBy(objects, labels);
      if (found.length !== 1) wrong.push(`${what} selects ${found.length} workloads`);
      for (const port of ports)
        if (!found.some((one) => portNames(one).includes(port))) wrong.push(`${what}: no port ${port}`);
    };
    for (const { metadata, spec } of ofKind(objects, 'Service'))
      check(
        `Service ${metadata.name}`,
        spec.selector,
        spec.ports.map(({ targetPort }) => targetPort),
      );
    for (const { metadata, spec } of ofKind(objects, 'PodDisruptionBudget'))
      check(`PodDisruptionBudget ${metadata.name}`, spec.selector.matchLabels, []);
    for (const { metadata, spec } of ofKind(objects, 'NetworkPolicy')) {
      check(
        `NetworkPolicy ${metadata.name}`,
        spec.podSelector.matchLabels,
        spec.ingress.flatMap(({ ports }) => ports.map(({ port }) => port)),
      );
      for (const { to, ports } of spec.egress)
        for (const { podSelector } of to)
          if (podSelector)
            check(
              `NetworkPolicy ${metadata.name}, to`,
              podSelector.matchLabels,
              ports.map(({ port }) => port),
            );
      for (const { from = [] } of spec.ingress)
        for (const { podSelector } of from)
          if (podSelector) check(`NetworkPolicy ${metadata.name}, from`, podSelector.matchLabels, []);
    }
    for (const workload of workloads(objects))
      if (!selects(workload.spec.selector.matchLabels, labelsOf(workload)))
        wrong.push(`${workload.metadata.name} selects other pods`);
    return wrong;
  },

  'what is referred to is there, or is one of the secrets that you make'(objects) {
    const wrong = [];
    const own = ['Secret unsticky', 'Secret unsticky-tls', 'ConfigMap unsticky-ca'];
    const require = (by, kind, name) => {
      if (!own.includes(`${kind} ${name}`) && !find(objects, kind, name)) wrong.push(`${by}: no ${kind} ${name}`);
    };
    for (const { container, name } of containersOf(objects))
      for (const { configMapRef } of container.envFrom ?? []) require(name, 'ConfigMap', configMapRef.name);
    for (const workload of workloads(objects)) {
      const { name } = workload.metadata;
      require(name, 'ServiceAccount', podOf(workload).serviceAccountName);
      if (workload.spec.serviceName) require(name, 'Service', workload.spec.serviceName);
      const claims = (workload.spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);
      const volumes = [...(podOf(workload).volumes ?? []).map((volume) => volume.name), ...claims];
      for (const { configMap, secret } of podOf(workload).volumes ?? []) {
        if (configMap) require(name, 'ConfigMap', configMap.name);
        if (secret) require(name, 'Secret', secret.secretName);
        const { data = {} } = (configMap && find(objects, 'ConfigMap', configMap.name)) ?? {};
        for (const { key } of configMap?.items ?? [])
          if (!(key in data)) wrong.push(`${name}: no ${key} in ${configMap.name}`);
      }
      for (const { volumeMounts = [] } of podOf(workload).containers)
        for (const mount of volumeMounts)
          if (!volumes.includes(mount.name)) wrong.push(`${name}: no volume ${mount.name}`);
    }
    for (const { spec } of [...ofKind(objects, 'HorizontalPodAutoscaler'), ...ofKind(objects, 'ScaledObject')])
      require('autoscaler', 'Deployment', spec.scaleTargetRef.name);
    for (const { spec } of ofKind(objects, 'HTTPRoute'))
      for (const { name, port } of spec.rules.flatMap(({ backendRefs }) => backendRefs))
        if (!find(objects, 'Service', name)?.spec.ports.some((one) => one.port === port))
          wrong.push(`route: no Service ${name}:${port}`);
    for (const { spec } of ofKind(objects, 'BackendTLSPolicy'))
      for (const { name, sectionName } of spec.targetRefs)
        if (!find(objects, 'Service', name)?.spec.ports.some((one) => one.name === sectionName))
          wrong.push(`policy: no ${name} ${sectionName}`);
    return wrong;
  },

  'replicas get settings that they know'(objects) {
    const known = Object.values(settings).flatMap(([variable]) => [variable, `${variable}_FILE`]);
    const [{ container }] = containersOf(objects).filter(({ name }) => name === 'app/app');
    const given = [
      ...container.env.map(({ name }) => name),
      ...container.envFrom.flatMap(({ configMapRef }) =>
        Object.keys(find(objects, 'ConfigMap', configMapRef.name)?.data ?? {}),
      ),
    ];
    return given.filter((name) => !known.includes(name)).map((name) => `no setting ${name}`);
  },

  'containers are restricted'(objects) {
    const wrong = [];
    for (const workload of workloads(objects)) {
      const { securityContext, automountServiceAccountToken, hostNetwork, hostPID } = podOf(workload);
      if (!securityContext?.runAsNonRoot || !(securityContext.runAsUser > 0))
        wrong.push(`${workload.metadata.name} may be root`);
      if (securityContext?.seccompProfile?.type !== 'RuntimeDefault')
        wrong.push(`${workload.metadata.name} may make any system call`);
      if (automountServiceAccountToken !== false) wrong.push(`${workload.metadata.name} has a token of the cluster`);
      if (hostNetwork || hostPID) wrong.push(`${workload.metadata.name} shares its node's`);
    }
    for (const { container, name } of containersOf(objects)) {
      const { allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } = container.securityContext ?? {};
      if (allowPrivilegeEscalation !== false || !readOnlyRootFilesystem || capabilities?.drop?.join() !== 'ALL')
        wrong.push(`${name} is not restricted`);
    }
    return wrong;
  },

  'containers have bounds, and images a version'(objects) {
    return containersOf(objects).flatMap(({ container, name }) => {
      const { requests = {}, limits = {} } = container.resources ?? {};
      const isBounded = requests.cpu && requests.memory && limits.cpu && limits.memory;
      return [
        ...(isBounded ? [] : [`${name} has no bounds`]),
        ...(/:[\w.-]+$|@sha256:/.test(container.image) && !container.image.endsWith(':latest')
          ? []
          : [`${name}: ${container.image}`]),
      ];
    });
  },

  'what takes requests says whether it can, and drains before it ends'(objects) {
    const wrong = [];
    for (const workload of workloads(objects)) {
      const { name } = workload.metadata;
      const [first] = podOf(workload).containers;
      if (!first.readinessProbe) wrong.push(`${name} is ready at once`);
      if (workload.kind === 'StatefulSet') continue;
      if (!first.livenessProbe) wrong.push(`${name} may hang for ever`);
      const sleep = first.lifecycle?.preStop?.sleep?.seconds ?? 0;
      if (sleep < 7) wrong.push(`${name} ends while its address is still known`);
      if (podOf(workload).terminationGracePeriodSeconds < sleep + 10) wrong.push(`${name} is killed while it drains`);
      if (workload.spec.strategy.rollingUpdate.maxUnavailable !== 0)
        wrong.push(`${name} has fewer replicas during an update`);
    }
    return wrong;
  },

  'replicas are spread over nodes, and leave one by one'(objects) {
    const wrong = [];
    for (const workload of workloads(objects)) {
      const { name } = workload.metadata;
      const constraints = podOf(workload).topologySpreadConstraints ?? [];
      const overNodes = constraints.find(({ topologyKey }) => topologyKey === 'kubernetes.io/hostname');
      if (!overNodes || !selects(overNodes.labelSelector.matchLabels, labelsOf(workload)))
        wrong.push(`${name} may be on one node`);
      const budget = ofKind(objects, 'PodDisruptionBudget').find(({ spec }) =>
        selects(spec.selector.matchLabels, labelsOf(workload)),
      );
      if (budget?.spec.maxUnavailable !== 1) wrong.push(`${name} may lose more than one at a time`);
    }
    return wrong;
  },

  'only those who need it may connect'(objects) {
    return workloads(objects).flatMap((workload) => {
      const policy = ofKind(objects, 'NetworkPolicy').find(({ spec }) =>
        selects(spec.podSelector.matchLabels, labelsOf(workload)),
      );
      const isClosed = policy?.spec.policyTypes.join() === 'Ingress,Egress';
      const isOpen = policy?.spec.ingress.some(({ from }) => from === undefined) ?? true;
      const mayBeOpen = workload.metadata.name === 'nginx';
      return isClosed && (mayBeOpen || !isOpen) ? [] : [`${workload.metadata.name} takes connections from everywhere`];
    });
  },

  'Prometheus finds each job of the rules'(objects) {
    const monitors = ofKind(objects, 'ServiceMonitor');
    if (monitors.length === 0) return [];
    const text = JSON.stringify(ofKind(objects, 'PrometheusRule'));
    const jobs = new Set([...text.matchAll(/job=\\"(\w+)\\"/g)].map(([, job]) => job));
    return [...jobs].flatMap((job) => {
      const monitor = monitors.find(({ spec }) => spec.selector.matchLabels[spec.jobLabel] === job);
      const service = ofKind(objects, 'Service').find(({ metadata }) => metadata.labels['unsticky/job'] === job);
      const hasPort = service?.spec.ports.some(({ name }) => name === monitor?.spec.endpoints[0].port);
      return hasPort ? [] : [`no monitor finds the job ${job}`];
    });
  },
};
