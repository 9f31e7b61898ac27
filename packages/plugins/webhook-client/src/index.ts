/**
 * Asks webhooks over HTTPS. A library, no plugin: it takes no seat and starts nothing.
 * @packageDocumentation
 */
export { applyClientConfigDefaults, type ClientConfig, clientConfig, type ServiceReference, validateClientConfig } from './client-config.js';
export { type AskOptions, WebhookClient, type WebhookClientOptions } from './client.js';
export { WebhookFailure } from './failure.js';
export { ClusterServices, type Endpoint, type ServiceResolver } from './services.js';
