import { expect, test } from 'vitest';
import { type Costs, capacityFor, capacityTable, sessionsOfOneRedis } from './capacity.ts';

const costs: Costs = {
  read: { cpuMicros: 100, redisMicros: 10, redisCommands: 1 },
  write: { cpuMicros: 200, redisMicros: 30, redisCommands: 2 },
  bytesPerSession: 500,
};

test('a million sessions with a request a minute, of which a tenth write', () => {
  const { requestsPerSecond, redisServers, redisCommandsPerSecond, ...rest } = capacityFor(1_000_000, costs);
  expect(rest).toEqual({ sessions: 1_000_000, replicas: 4, redisGigabytes: 0.5 }); // 16,667/s of 110 µs: 1.83 cores at 60 %
  expect(requestsPerSecond).toBeCloseTo(16_667, 0);
  expect(redisCommandsPerSecond).toBeCloseTo(18_333, 0);
  expect(redisServers).toBeCloseTo(0.333, 3); // 12 µs: 0.2 cores at 60 %
});

test('one Redis ends where its core is as busy as it may be', () => {
  const most = sessionsOfOneRedis(costs);
  expect(most).toBeCloseTo(3_000_000, -1);
  expect(capacityFor(most, costs).redisServers).toBeCloseTo(1, 9);
  const lines = capacityTable(costs).rows;
  expect(lines.map(([sessions]) => sessions)).toEqual(['100,000', '1,000,000', '3,000,000', '100,000,000']);
  expect(lines.map((line) => line.at(-1))).toEqual([
    '1, its core 2 % busy',
    '1, its core 20 % busy',
    '1, its core 60 % busy',
    '34',
  ]);
});
