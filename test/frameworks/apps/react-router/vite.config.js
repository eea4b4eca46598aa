import { reactRouter } from '@react-router/dev/vite'

export default {
  plugins: [reactRouter()],
  environments: { ssr: { build: { rollupOptions: { input: './server/app.ts' } } } },
}
