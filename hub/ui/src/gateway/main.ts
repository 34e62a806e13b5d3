// Starts the gateway's page.
import { mount } from 'svelte';
import '../app.css';
import App from './App.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('gateway.html has no #app');
mount(App, { target });
